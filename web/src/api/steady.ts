const pauses = [200, 1000] // milliseconds

// steady tries a call that only reads again when the connection broke. Browsers break all connections when an
// address of their machine changes, and starting containers on that machine may do so.
export async function steady(read: () => Promise<Response>): Promise<Response> {
  for (const pause of pauses) {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
  return read()
}
