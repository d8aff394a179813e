// The smallest application of ASP.NET: it greets.
var app = WebApplication.CreateBuilder(args).Build();

app.MapGet("/", () => $"Hello from .NET {Environment.Version.Major}\n");

app.Run();
