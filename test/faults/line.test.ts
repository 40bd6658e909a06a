import { NETWORK } from './network.ts';
import { meetFaults } from './run.ts';

meetFaults('line', NETWORK);
