import { type Problem, ProblemFromJSON, ResponseError } from "./client/index.js";

/** The problem that a request is refused with. */
export async function refusal(request: Promise<unknown>): Promise<Problem> {
  try {
    await request;
  } catch (error) {
    if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json());
    throw error;
  }
  throw new Error("failed: the request must be refused");
}
