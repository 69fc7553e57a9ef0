import { version } from '../../package.json';

/** berth's version, as package.json has it. */
export const berthVersion = version;
