import { meetFaults } from './run.ts';
import { STORE } from './store.ts';

meetFaults('store', STORE);
