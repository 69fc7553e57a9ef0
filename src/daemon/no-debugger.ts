/**
 * Without a listener Node answers SIGUSR1 by opening its debugger to every process of the machine. This is imported before
 * all else, for its effect: what is imported after it takes a while.
 */
process.on('SIGUSR1', () => undefined);
