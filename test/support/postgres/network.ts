import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { leaveWatchdog } from "../../../tools/postgres/watchdog.js";

/** A cable between this machine and a namespace. */
export interface NetworkLink {
  /** Its address at this machine's end; nothing outside of the two reaches it. */
  readonly host: string;
  /** Its address inside of the namespace. */
  readonly inside: string;
  /**
   * Pulls it: packets are lost in both directions, connections stay open, and nothing inside is told. New connections from this
   * machine fail at once (EHOSTUNREACH) instead of leaving by another route.
   */
  cut(): void;
  heal(): void;
}

/** A network namespace, whose processes reach this machine by its links only, and nothing else. */
export interface Network<Name extends string> extends AsyncDisposable {
  readonly links: Readonly<Record<Name, NetworkLink>>;
  /** A command that runs the command after it inside, in the same process. That is killed at the end. */
  readonly enter: readonly string[];
  /** Starts a program inside. It is killed at the end. */
  spawn(program: string, argv: readonly string[], options?: SpawnOptions): ChildProcess;
}

/** After every route that may lead there. */
const FALLBACK_METRIC = 9999;

/** What namespaces need and this machine lacks; null where nothing is missing. */
export function missingForNetworks(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "network namespaces need Linux and root";
  const probe = `signet-${randomBytes(4).toString("hex")}`;
  try {
    ip(["netns add " + probe, "netns delete " + probe]);
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "no ip on the PATH: apt-get install iproute2" : `no network namespaces: ${message}`;
  }
}

/**
 * Makes a namespace with links of these names. Each is cut on its own, so that a node may lose its database and keep its clients.
 *
 * @throws Error where the machine does not permit it: `missingForNetworks` says so before.
 */
export function openNetwork<Name extends string>(...names: readonly Name[]): Network<Name> {
  const id = randomBytes(4).toString("hex");
  const namespace = `signet-${id}`;
  const ends = names.map((name, index) => ({
    name,
    device: `s${id}h${index}`,
    inner: `s${id}n${index}`,
    net: pickNet(),
  }));
  const left = ends.flatMap(({ device, net }) => [device, `${net(0)}/30`]);
  const watchdog = leaveWatchdog(REMOVE, namespace, ...left);
  const remove = () => {
    execFileSync("/bin/sh", ["-c", REMOVE, "remove", namespace, ...left], { stdio: "ignore" });
    watchdog.dismiss();
  };
  try {
    ip([`netns add ${namespace}`, `-n ${namespace} link set lo up`]);
    const links = ends.map(({ name, ...end }) => [name, addLink(namespace, end)] as const);
    return {
      links: Object.fromEntries(links) as Record<Name, NetworkLink>,
      enter: ["ip", "netns", "exec", namespace],
      spawn: (program, argv, options = {}) => spawn("ip", ["netns", "exec", namespace, program, ...argv], options),
      [Symbol.asyncDispose]: () => Promise.resolve(remove()),
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** $1 is the namespace, the others are what this machine has of its links: devices, which take their other end along, and nets. */
const REMOVE = `
namespace=$1; shift
for pid in $(ip netns pids "$namespace"); do kill -KILL "$pid"; done
for part; do
  case $part in
    */*) ip route delete unreachable "$part" metric ${FALLBACK_METRIC} ;;
    *) ip link delete "$part" ;;
  esac
done
ip netns delete "$namespace"
exit 0`;

/** Four addresses out of RFC 2544's range, which no real network uses: the net's own, the two ends', and the broadcast. */
function pickNet(): (offset: number) => string {
  const first = randomInt(0, 2 ** 15) * 4;
  return (offset) => `198.${18 + (first >> 16)}.${(first >> 8) & 255}.${(first & 255) + offset}`;
}

/** The two ends of a link. */
interface Ends {
  readonly device: string;
  readonly inner: string;
  readonly net: (offset: number) => string;
}

/** A pair of virtual devices, and where packets go while it is cut: a device that is down has no routes. */
function addLink(namespace: string, { device, inner, net }: Ends): NetworkLink {
  const [host, inside] = [net(1), net(2)];
  ip([
    `link add ${device} type veth peer name ${inner} netns ${namespace}`,
    `address add ${host}/30 dev ${device}`,
    `link set ${device} up`,
    `route add unreachable ${net(0)}/30 metric ${FALLBACK_METRIC}`,
    `-n ${namespace} address add ${inside}/30 dev ${inner}`,
    `-n ${namespace} link set ${inner} up`,
  ]);
  return {
    host,
    inside,
    cut: () => ip([`link set ${device} down`]),
    heal: () => ip([`link set ${device} up`]),
  };
}

function ip(commands: readonly string[]): void {
  for (const command of commands) execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
}
