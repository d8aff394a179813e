import { ended } from './session'

// ApiError is a refusal of an API, in its own words.
export class ApiError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

// check turns an answer that is not 200 into an error, and notes when the session has ended.
export async function check(response: Response): Promise<Response> {
  if (response.ok) return response
  const code = response.headers.get('X-Amzn-Errortype') ?? String(response.status)
  if (code === 'SignedOutException') ended()
  const text = await response.text()
  let message = text || response.statusText
  try {
    const body = JSON.parse(text) as { Message?: string; message?: string }
    message = body.Message ?? body.message ?? message
  } catch {
    // The text is what there is to tell.
  }
  throw new ApiError(code, message)
}

// codeOf names an error of the APIs: ResourceNotFoundException, for one.
export function codeOf(error: unknown): string {
  if (error instanceof ApiError) return error.code
  return error instanceof Error ? error.name : ''
}

// messageOf is what a user is told of an error.
export function messageOf(error: unknown): string {
  if (error instanceof TypeError) return 'Slipway does not answer. Is it running?'
  return error instanceof Error ? error.message : String(error)
}
