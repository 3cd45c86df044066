/**
 * Reads `.env` where there is one, for `npm run dev`: while Node watches files, its own option for this ends where the file
 * is missing. What the environment has already is not changed.
 */
import { existsSync } from "node:fs";

if (existsSync(".env")) process.loadEnvFile(".env");
