import { SessionRenewal } from '../../src/cri/session-renewal';

let now: number;
let renewed: number;
let renewal: SessionRenewal;
beforeEach(() => {
  now = 0;
  renewed = 0;
  renewal = new SessionRenewal(
    () => renewed++,
    () => now,
  );
});
const giveUp = (times: number) => {
  for (let time = 0; time < times; time++) renewal.begun();
};

test('sessions are renewed well before the thousandth call that is given up, and then anew', () => {
  giveUp(499);
  expect(renewed).toBe(0);
  giveUp(1);
  expect(renewed).toBe(1);
  giveUp(500);
  expect(renewed).toBe(2);
});

test('what is given up now and then never adds up', () => {
  for (let second = 0; second < 1000; second++) {
    giveUp(30);
    now += 1000;
  }
  expect(renewed).toBe(0);
});

test('what is answered does not count', () => {
  for (let call = 0; call < 10_000; call++) {
    renewal.begun();
    renewal.answered();
  }
  expect(renewed).toBe(0);
});
