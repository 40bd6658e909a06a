import { followFrame } from './shell/frame.ts';
import { Shell } from './shell/index.ts';
import { followTheme, wantedLanguages } from './shell/theme.ts';
import { chooseLanguage, speak } from './words/index.ts';

followTheme();
await speak(chooseLanguage(wantedLanguages()));
const shell = new Shell();
followFrame(shell.app.router);
document.body.append(shell);
