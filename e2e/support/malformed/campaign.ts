import { status } from '@grpc/grpc-js';
import { CreateContainerResponse, RunPodSandboxResponse } from '../../../src/wire';
import { slow } from '../../../test/slow.cjs';
import { environment } from '../environment';
import type { World } from '../world';
import type { Case } from './cases';
import { Machine } from './machine';
import { encode } from './message';
import type { Rpc, Schema } from './schema';
import { Sender, type Answer } from './send';
import type { Stand } from './standing';
import { wrongWith } from './verdict';

/** How long an answer may take: a hang is none. */
const deadlineMs = 30_000;
/** Streams without an end of their own: one that has not been refused in this time is served. */
const endless = { names: new Set(['GetContainerEvents']), afterMs: 1_000 * slow };
/** After so many requests the daemon has to serve a good pod. */
const checkEvery = 250;

/** By RPC, how often each code was the answer. */
export type Figures = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface Numbered {
  readonly index: number;
  readonly of: Case;
}

export interface Outcome {
  readonly figures: Figures;
  /** What was wrong, each with seed and request. */
  readonly failures: readonly string[];
}

async function answerOf(sender: Sender, rpc: Rpc, bytes: Uint8Array): Promise<Answer> {
  if (!endless.names.has(rpc.name)) return sender.send(rpc, bytes, deadlineMs);
  const answer = await sender.send(rpc, bytes, endless.afterMs);
  return answer.code === status.DEADLINE_EXCEEDED ? { code: status.OK, details: '', bytes: Buffer.alloc(0) } : answer;
}

/** Sends the cases one after the other, each from where the last left things, and takes away what they make. */
export async function runCampaign(
  schema: Schema,
  world: World,
  stand: Stand,
  cases: readonly Numbered[],
  seed: number,
): Promise<Outcome> {
  const figures = new Map<string, Map<string, number>>();
  const failures: string[] = [];
  const sender = new Sender(environment().socket);
  const send: Send = async (name, bytes) => {
    const rpc = schema.rpcs.find((each) => each.name === name);
    if (rpc === undefined) throw new Error(`CRI has no ${name}`);
    const answer = await answerOf(sender, rpc, bytes);
    const told = figures.get(name) ?? new Map<string, number>();
    figures.set(name, told.set(status[answer.code], (told.get(status[answer.code]) ?? 0) + 1));
    return answer;
  };
  const machine = await Machine.watch(stand.now.folder);
  const one = async ({ index, of }: Numbered): Promise<void> => {
    const { bytes, shown } = of.make(world, stand.now);
    const what = `seed ${seed}, request ${index}: ${of.rpc.name}, ${of.name}`;
    const request = `request: ${shown.slice(0, 1500)}`;
    try {
      const began = Date.now();
      const answer = await outcomeOf(of, await send(of.rpc.name, bytes), send, schema, world);
      const tookMs = Date.now() - began;
      await machine.expectSameDaemon();
      const wrong = [
        wrongWith(of, answer),
        await machine.takeStrays(answer.code !== status.OK),
        await removeLeft(of, answer, world, stand),
      ].filter((each) => each !== undefined);
      if (wrong.length === 0) return;
      const told = `${status[answer.code]} ${answer.details.slice(0, 600)}`;
      failures.push(`${what}: ${wrong.join('; ')} (${tookMs} ms)\n  answer: ${told}\n  ${request}`);
    } catch (cause) {
      throw new Error(`after ${what}\n  ${request}\n${failures.join('\n')}`, { cause });
    }
  };
  try {
    for (const [done, numbered] of cases.entries()) {
      await one(numbered);
      if ((done + 1) % checkEvery === 0 || done + 1 === cases.length) await serveGoodPod(world);
    }
  } finally {
    sender.close();
  }
  return { figures, failures };
}

type Send = (rpc: string, bytes: Uint8Array) => Promise<Answer>;

/** What came of it: the answer, or that to the start of a container that shall start. A pod or container is removed again. */
async function outcomeOf(of: Case, answer: Answer, send: Send, schema: Schema, world: World): Promise<Answer> {
  if (answer.code !== status.OK) return answer;
  if (of.rpc.name === 'RunPodSandbox') await world.removePod(RunPodSandboxResponse.decode(answer.bytes).podSandboxId);
  if (of.rpc.name !== 'CreateContainer') return answer;
  const { containerId } = CreateContainerResponse.decode(answer.bytes);
  const start = encode(schema, 'StartContainerRequest', { container_id: containerId });
  const outcome = of.start ? await send('StartContainer', start) : answer;
  await world.cri.remove(containerId);
  return outcome;
}

/** What changes nothing cannot have left anything. */
const reads = /^(List|Stream|Get)|(Status|Stats|Config|Info|Version)$/;

async function removeLeft(of: Case, { code }: Answer, world: World, stand: Stand): Promise<string | undefined> {
  const mayHaveChanged = code === status.OK || code === status.DEADLINE_EXCEEDED || of.kind !== 'field';
  if (!mayHaveChanged || reads.test(of.rpc.name)) return undefined;
  const left = await stand.restore();
  for (const id of left) {
    await world.cri.remove(id);
    await world.removePod(id);
  }
  return left.length > 0 ? `it left ${left.join(', ')}` : undefined;
}

async function serveGoodPod(world: World): Promise<void> {
  const pod = await world.runPod();
  const container = await world.start({}, pod);
  if ((await world.sh(container, 'echo good')) !== 'good') throw new Error('a good pod is not served');
  await world.removePod(pod.id);
}
