import './no-debugger';
import { berthd } from './berthd';

void berthd(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
