namespace IommuKit.Cli.Tests;

/// <summary>A terminal is as it was when a signal has ended the command: bars are gone, and the cursor is there.</summary>
[Collection("alone")]
public sealed class BarsTests : IDisposable
{
    private const string Hide = "\u001b[?25l";
    private const string Show = "\u001b[?25h";
    private const string EraseLine = "\u001b[2K";

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The trace is a pipe that nobody writes to, so that the bar stays until the signal.</summary>
    [TerminalTheory]
    [InlineData("INT", "")]
    [InlineData("INT", "-o result.txt")]
    [InlineData("TERM", "")]
    [InlineData("TERM", "-o result.txt")]
    public void A_signal_gives_the_cursor_back(string signal, string options)
    {
        var (_, output, _) = Shell.Run(
            _folder,
            $$"""
            set -m
            mkfifo trace
            echo 'echo $$ > pid; exec {{Shell.Iommukit}} audit trace {{options}}' > run
            TERM=xterm-256color script -qfc 'exec bash run' screen < /dev/null > /dev/null 2>&1 & script=$!
            for i in $(seq 900); do grep -q '25l' screen 2> /dev/null && break; sleep 0.1; done
            kill -{{signal}} $(cat pid)
            for i in $(seq 900); do kill -0 $(cat pid) 2> /dev/null || break; sleep 0.1; done
            cat screen
            kill $script 2> /dev/null; wait $script
            """);
        output.ShouldContain(Hide);
        string after = output[output.LastIndexOf(Hide)..];
        after.ShouldContain(EraseLine);
        after.ShouldContain(Show);
        after[after.LastIndexOf(Show)..].ShouldNotContain("━");
    }
}
