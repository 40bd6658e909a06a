import './add.ts';
import './device.ts';
import './edit.ts';
import './find.ts';
import './import.ts';
import './index.ts';
import './restore.ts';
import './saved.ts';
