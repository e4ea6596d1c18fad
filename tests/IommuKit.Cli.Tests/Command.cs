using IommuKit.Cli.Invocation;

namespace IommuKit.Cli.Tests;

/// <summary>Runs the command in this process.</summary>
internal static class Command
{
    public static (int Code, string Output, string Error) Run(params string[] args) => Run(null, args);

    /// <summary>Runs it as in a terminal of some width.</summary>
    public static (int Code, string Output, string Error) Run(int? terminalWidth, string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(args, output, error, isInteractive: false, Sized(terminalWidth));
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Runs it with a terminal or pipe, and an environment, of some kind.</summary>
    public static string RunIn(int? terminalWidth, Dictionary<string, string> environment, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        CommandLine.Run(
            args, output, error, isInteractive: false, Sized(terminalWidth), Surroundings.Of(name => environment.GetValueOrDefault(name))).ShouldBe(0);
        return output.ToString();
    }

    /// <summary>Runs it in a terminal of some size.</summary>
    public static string RunOn(TerminalSize terminal, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        CommandLine.Run(args, output, error, isInteractive: false, terminal).ShouldBe(0);
        return output.ToString();
    }

    public static string Succeed(params string[] args)
    {
        var (code, output, error) = Run(args);
        string.Concat(WithoutProgress(error).Split('\n').Where(line => !line.StartsWith("iommukit: wrote "))).ShouldBeEmpty();
        code.ShouldBe(0);
        return output;
    }

    /// <summary>What was complained of; how far a run had come is said on a slow machine only.</summary>
    public static string WithoutProgress(string error) => string.Join('\n', error.Split('\n').Where(line => !line.StartsWith(ProgressLines.Start)));

    /// <summary>Runs it, expects it to refuse, and returns why.</summary>
    public static string Refuse(params string[] args)
    {
        var (code, output, error) = Run(args);
        output.ShouldBeEmpty();
        error.ShouldStartWith("iommukit: ");
        error.TrimEnd('\n').ShouldNotContain("\n");
        error.ShouldNotContain("   at ");
        error.ShouldNotContain("System.");
        error.ShouldNotContain(".tmp");
        code.ShouldBe(2);
        return error;
    }

    private static TerminalSize? Sized(int? columns) => columns is { } some ? new TerminalSize(some) : null;
}
