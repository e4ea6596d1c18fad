using IommuKit.Cli;
using IommuKit.Cli.Invocation;

RuntimeTwin.TakeOver(args);
return CommandLine.Run(
    args,
    Console.Out,
    Console.Error,
    isInteractive: !Console.IsErrorRedirected && !Console.IsOutputRedirected,
    terminal: Console.IsOutputRedirected ? null : new TerminalSize(Console.WindowWidth, Console.WindowHeight),
    surroundings: Surroundings.Of(Environment.GetEnvironmentVariable));
