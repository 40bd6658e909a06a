import { IDENTITY } from './certificates.ts';
import { meetFaults } from './run.ts';

meetFaults('identity', IDENTITY);
