import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** Opens the socket and keeps it, as systemd does for a socket unit; tells its descriptor. */
const hold = `
  use IO::Socket::UNIX;
  $| = 1;
  my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 128) or die "$ARGV[0]: $!";
  print fileno($socket), "\\n";
  sleep;
`;

/** Takes the socket from its keeper (pidfd_open, pidfd_getfd) and becomes what follows. */
const pass = `
  use POSIX;
  my ($keeper, $descriptor) = splice @ARGV, 0, 2;
  my $process = syscall(434, $keeper + 0, 0);
  my $socket = syscall(438, $process, $descriptor + 0, 0);
  die "the socket of $keeper: $!" if $socket < 0;
  POSIX::dup2($socket, 3);
  @ENV{'LISTEN_PID', 'LISTEN_FDS'} = ($$, 1);
  exec @ARGV;
`;

/** A listening socket that no daemon owns: one that is killed leaves it as it is, and who connects waits. */
export class PassedSocket implements AsyncDisposable {
  private constructor(
    private readonly keeper: ChildProcess,
    private readonly descriptor: string,
  ) {}

  /** What was there is removed. */
  static async open(path: string): Promise<PassedSocket> {
    await rm(path, { force: true });
    const keeper = spawn('perl', ['-e', hold, '--', path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [descriptor] = (await once(createInterface(keeper.stdout), 'line')) as [string];
    return new PassedSocket(keeper, descriptor);
  }

  /** The command that starts another one with the socket. */
  handedTo(command: readonly string[]): string[] {
    return ['perl', '-e', pass, '--', String(this.keeper.pid), this.descriptor, ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.keeper, 'exit');
    this.keeper.kill();
    await exit;
  }
}
