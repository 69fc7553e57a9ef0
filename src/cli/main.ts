import { berth } from './berth';
import { processIo } from './io';

void berth(process.argv.slice(2), processIo()).then((status) => {
  process.exitCode = status;
});
