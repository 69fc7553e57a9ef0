export const slow: number;
