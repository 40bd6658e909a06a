import { ANSWERS } from './answers.ts';
import { meetFaults } from './run.ts';

meetFaults('answers', ANSWERS);
