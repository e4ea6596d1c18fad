using IommuKit.Cli;
using IommuKit.Cli.Invocation;

return CommandLine.Run(
    args,
    Console.Out,
    Console.Error,
    isInteractive: !Console.IsErrorRedirected && !Console.IsOutputRedirected,
    terminalWidth: Console.IsOutputRedirected ? null : Console.WindowWidth,
    surroundings: Surroundings.Of(Environment.GetEnvironmentVariable));
