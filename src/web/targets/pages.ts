import './add.ts';
import './added.ts';
import './choose-provider.ts';
import './edit.ts';
