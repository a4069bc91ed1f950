import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Keeps each text file compressed beside itself, so that the server never compresses. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const names = Object.keys(bundle).filter((each) => /\.(css|html|js|svg)$/.test(each));
      await Promise.all(names.map((name) => compress(join(dir, name))));
    },
  };
}

// 10: 11 takes twice as long, for 2 % less.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
  await writeFile(`${path}.br`, await promisify(brotliCompress)(content, brotliOptions));
}

/** Where `npm run dev` finds the API. The host stays: the server only reads its cookie for pages of its own. */
const api = { target: process.env.AGENTOPS_URL ?? "http://localhost:8000", changeOrigin: false };
const proxy = { "/auth": api, "/evaluations": api, "/api": api };

export default defineConfig({
  base: "/app/",
  plugins: [react(), compressed()],
  build: {
    target: "es2023",
    // Inlined files would be data: addresses, which the content security policy does not let scripts and fonts be.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    // Compressing takes most of the time, and is meant to.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  server: { proxy },
  preview: { proxy },
});
