import { existsSync } from "node:fs";
import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { ready, run } from "./command.js";

/** What runs the finished driver. */
interface Driver {
  readonly program: string;
  readonly args: readonly string[];
}

/** How one client is made: throws NotThere when a tool is missing, anything else when the client is at fault. */
export interface Recipe {
  readonly name: string;
  /** `directory` is empty, and the client's alone. */
  readonly build: (directory: string) => Promise<Driver>;
}

const OAPI_CODEGEN = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen";
const OAPI_CODEGEN_VERSION = "v2.8.2";
const GENERATOR = "org.openapitools:openapi-generator-cli:7.12.0";

const cache = resolve("node_modules/.cache/conformance/clients");
const document = resolve("gen/openapi.json");
const sources = (name: string) => resolve("conformance/clients", name);

async function openApiGenerator(generator: string, output: string, ...options: readonly string[]): Promise<void> {
  await ready("java", ["-version"]);
  const [, artifact = "", version = ""] = GENERATOR.split(":");
  const jar = join(cache, `${artifact}-${version}.jar`);
  if (!existsSync(jar)) {
    await ready("mvn", ["-q", "-B", "dependency:copy", `-Dartifact=${GENERATOR}`, `-DoutputDirectory=${cache}`]);
  }
  const onlyCode = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false";
  const common = ["generate", "-i", document, "-g", generator, "-o", output, "--global-property", onlyCode];
  await run("java", ["-jar", jar, ...common, ...options]);
}

async function goProgram(directory: string): Promise<Driver> {
  const program = join(directory, "driver");
  await run("go", ["vet", "./..."], { cwd: directory });
  await run("go", ["build", "-o", program, "."], { cwd: directory });
  return { program, args: [] };
}

const oapiCodegen: Recipe = {
  name: "oapi-codegen",
  async build(directory) {
    const bin = join(cache, OAPI_CODEGEN_VERSION);
    const program = join(bin, "oapi-codegen");
    if (!existsSync(program)) {
      await ready("go", ["install", `${OAPI_CODEGEN}@${OAPI_CODEGEN_VERSION}`], { env: { GOBIN: bin } });
    }
    await cp(sources("oapi-codegen"), directory, { recursive: true });
    await ready("go", ["mod", "download"], { cwd: directory });
    const file = join(directory, "signetapi", "client.go");
    await mkdir(join(directory, "signetapi"));
    await run(program, ["-generate", "types,client", "-package", "signetapi", "-o", file, document]);
    return await goProgram(directory);
  },
};

const go: Recipe = {
  name: "OpenAPI Generator, go",
  async build(directory) {
    await ready("go", ["version"]);
    await cp(sources("go"), directory, { recursive: true });
    const options = ["--package-name", "signetapi", "--additional-properties", "withGoMod=false"];
    await openApiGenerator("go", join(directory, "signetapi"), ...options);
    return await goProgram(directory);
  },
};

const python: Recipe = {
  name: "OpenAPI Generator, python",
  async build(directory) {
    const environment = join(cache, "python");
    const program = join(environment, "bin", "python");
    if (!existsSync(program)) await ready("python3", ["-m", "venv", environment]);
    await ready(program, ["-m", "pip", "install", "-q", "-r", join(sources("python"), "requirements.txt")]);
    await openApiGenerator("python", directory, "--package-name", "signet_api");
    await run(program, ["-m", "compileall", "-q", join(directory, "signet_api")]);
    const driver = join(directory, "driver.py");
    await cp(join(sources("python"), "driver.py"), driver);
    return { program, args: [driver] };
  },
};

const java: Recipe = {
  name: "OpenAPI Generator, java (native)",
  async build(directory) {
    await ready("javac", ["-version"]);
    const jars = join(cache, "java");
    const pom = join(sources("java"), "pom.xml");
    if (!existsSync(jars)) {
      await ready("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${jars}`]);
    }
    const packages = ["--invoker-package", "signet.api", "--api-package", "signet.api.client"];
    const options = ["--library", "native", ...packages, "--model-package", "signet.api.model"];
    await openApiGenerator("java", directory, ...options);
    const generated = join(directory, "src", "main", "java");
    const names = await readdir(generated, { recursive: true });
    const files = names.filter((name) => name.endsWith(".java")).map((name) => join(generated, name));
    const list = join(directory, "files");
    await writeFile(list, [...files, join(sources("java"), "Driver.java")].join("\n"));
    const classes = join(directory, "classes");
    await run("javac", ["-nowarn", "-d", classes, "-cp", join(jars, "*"), `@${list}`]);
    return { program: "java", args: ["-cp", [classes, join(jars, "*")].join(delimiter), "Driver"] };
  },
};

const typescript: Recipe = {
  name: "OpenAPI Generator, typescript-fetch",
  async build(directory) {
    await openApiGenerator("typescript-fetch", join(directory, "client"));
    await cp(join(sources("typescript"), "driver.ts"), join(directory, "driver.ts"));
    const types = { types: ["node"], typeRoots: [resolve("node_modules/@types")] };
    const target = { target: "ES2022", lib: ["ES2022", "DOM", "DOM.Iterable"], module: "CommonJS", outDir: "out" };
    const compilerOptions = { strict: true, skipLibCheck: true, esModuleInterop: true, ...types, ...target };
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["**/*.ts"] }));
    await run(process.execPath, [resolve("node_modules/typescript/bin/tsc"), "-p", directory]);
    return { program: process.execPath, args: [join(directory, "out", "driver.js")] };
  },
};

export const RECIPES: readonly Recipe[] = [oapiCodegen, python, java, typescript, go];
