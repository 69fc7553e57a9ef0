/** How many times slower than usual this machine is: an emulated one, such as e2e/vm/run makes, says so itself. */
exports.slow = Number(process.env['BERTH_TEST_SLOW'] ?? '1');
