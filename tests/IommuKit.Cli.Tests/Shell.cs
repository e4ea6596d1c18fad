using System.Diagnostics;

namespace IommuKit.Cli.Tests;

/// <summary>Runs the command as a process, from a shell.</summary>
internal static class Shell
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    /// <summary>The words that start the command.</summary>
    public static string Iommukit { get; } =
        $"'{Environment.ProcessPath}' '{Path.Combine(AppContext.BaseDirectory, "IommuKit.Cli.dll")}'";

    /// <summary>Runs a script to its end.</summary>
    public static (int Code, string Output, string Error) Run(string folder, string script)
    {
        // Where the tests run in the background of a script, or under nohup, they ignore signals, and so would all that they start.
        string[] words = OperatingSystem.IsLinux() ? ["env", "--default-signal=HUP,INT,TERM", "/bin/bash", "-c", script] : ["/bin/bash", "-c", script];
        using var shell = Process.Start(new ProcessStartInfo(words[0], words[1..])
        {
            UseShellExecute = false,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = shell.StandardOutput.ReadToEndAsync();
        var error = shell.StandardError.ReadToEndAsync();
        if (!shell.WaitForExit(Limit))
        {
            shell.Kill(entireProcessTree: true);
            throw new TimeoutException(script);
        }

        return (shell.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
