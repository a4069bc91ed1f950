import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Keeps each text file compressed beside itself, so that the server never compresses. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      for (const name of Object.keys(bundle).filter((each) => /\.(css|html|js|svg)$/.test(each))) {
        const path = join(dir, name);
        const content = await readFile(path);
        await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
        await writeFile(`${path}.br`, brotliCompressSync(content, { params }));
      }
    },
  };
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
  },
  server: { proxy },
  preview: { proxy },
});
