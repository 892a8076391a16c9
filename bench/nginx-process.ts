/** An nginx of Debian's nginx-light that serves one file with one worker. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "./free-port.js";

const NGINX = "/usr/sbin/nginx";

export class NginxProcess implements AsyncDisposable {
  private constructor(
    readonly port: number,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {}

  /**
   * Null, and says so, where there is none.
   * @param path of the file's URL
   */
  static async start(path: string, body: string): Promise<NginxProcess | null> {
    if (!existsSync(NGINX)) {
      console.log(`${NGINX} is not there: measured without it`);
      return null;
    }
    const directory = await mkdtemp(join(tmpdir(), "signet-bench-"));
    const port = await freePort();
    await mkdir(join(directory, "root", dirname(path)), { recursive: true });
    await writeFile(join(directory, "root", path), body);
    await writeFile(join(directory, "nginx.conf"), configuration(directory, port));
    const args = ["-c", join(directory, "nginx.conf"), "-p", directory, "-e", join(directory, "error.log")];
    const nginx = new NginxProcess(port, directory, spawn(NGINX, args, { stdio: "ignore" }));
    await nginx.#untilItAnswers(path);
    return nginx;
  }

  get pid(): number {
    return this.child.pid ?? NaN;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.child, "exit");
    this.child.kill();
    await gone;
    await rm(this.directory, { recursive: true, force: true });
  }

  async #untilItAnswers(path: string): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        const response = await fetch(`http://127.0.0.1:${this.port}${path}`);
        if (!response.ok) throw new Error(`nginx answered ${response.status}`);
        await response.arrayBuffer();
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(50);
      }
    }
  }
}

/** Its own process is the one worker, run by whoever started it. */
function configuration(directory: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join("\n");
  return `daemon off;
master_process off;
pid ${directory}/nginx.pid;
events { worker_connections 1024; }
http {
${temporary}
access_log off;
sendfile on;
tcp_nopush on;
keepalive_requests 1000000000;
default_type application/json;
server { listen 127.0.0.1:${port}; root ${directory}/root; }
}
`;
}
