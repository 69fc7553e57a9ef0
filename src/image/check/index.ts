export { checkImages } from './check-images';
export type { CheckEvent, CheckRequest, ImageUser } from './events';
