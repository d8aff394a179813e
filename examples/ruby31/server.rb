# The smallest web server of Ruby: it greets.
require "webrick"

$stdout.sync = true
server = WEBrick::HTTPServer.new(BindAddress: "0.0.0.0", Port: ENV.fetch("PORT", "8080").to_i)
server.mount_proc("/") { |_, response| response.body = "Hello from Ruby #{RUBY_VERSION}\n" }
trap("TERM") { server.shutdown }
server.start
