namespace IommuKit.Cli.Tests;

/// <summary>What --output does to what stands at its name.</summary>
public sealed class OutputFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit").FullName;

    private static string Models => Command.Succeed("models", "--csv");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [UnixFact]
    public void Into_a_pipe_the_results_are_written_and_it_stays_a_pipe()
    {
        var (code, output, error) = Shell.Run(
            _folder, $"mkfifo pipe; (cat pipe > got) & {Shell.Iommukit} models --csv -o pipe; wait; test -p pipe && cat got");
        error.ShouldBeEmpty();
        code.ShouldBe(0);
        output.ShouldBe(Models);
        Names().ShouldBe(["got", "pipe"]);
    }

    [UnixFact]
    public void Into_a_pipe_nothing_is_written_when_there_are_no_results()
    {
        // Nobody reads: opening it would wait for ever.
        Shell.Run(_folder, "mkfifo pipe").Code.ShouldBe(0);
        Command.Refuse("replay", "/nowhere", "-o", In("pipe"));
        Names().ShouldBe(["pipe"]);
    }

    [UnixFact]
    public void The_standard_output_by_its_path_is_only_added_to()
    {
        var (code, output, error) = Shell.Run(_folder, $"echo before > file; {Shell.Iommukit} models --csv -o /dev/stdout >> file; cat file");
        error.ShouldBeEmpty();
        code.ShouldBe(0);
        output.ShouldBe($"before\n{Models}");
        Shell.Run(_folder, $"{Shell.Iommukit} models --csv -o /dev/stdout | cat").Output.ShouldBe(Models);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_link_stays_a_link_and_its_target_is_written(bool targetExists)
    {
        Directory.CreateDirectory(In("there"));
        string target = Path.Combine(In("there"), "target");
        if (targetExists)
        {
            File.WriteAllText(target, "old");
        }

        File.CreateSymbolicLink(In("second"), Path.Combine("there", "target"));
        File.CreateSymbolicLink(In("first"), "second");
        Command.Succeed("models", "--csv", "-o", In("first")).ShouldBeEmpty();
        new FileInfo(In("first")).LinkTarget.ShouldBe("second");
        new FileInfo(In("second")).LinkTarget.ShouldBe(Path.Combine("there", "target"));
        File.ReadAllText(target).ShouldBe(Models);
        Directory.GetFiles(In("there")).ShouldBe([target]);
    }

    [Fact]
    public void A_link_to_itself_is_refused()
    {
        File.CreateSymbolicLink(In("loop"), "loop");
        Command.Refuse("models", "-o", In("loop")).ShouldContain($"--output {In("loop")}: leads through too many links");
    }

    [UnixFact]
    public void A_file_keeps_its_mode()
    {
        File.WriteAllText(In("file"), "old");
        Shell.Run(_folder, "chmod 640 file").Code.ShouldBe(0);
        Command.Succeed("models", "-o", In("file"));
        Shell.Run(_folder, "stat -c %a file").Output.ShouldBe("640\n");
    }

    [Fact]
    public void A_file_that_is_read_is_not_written_by_whatever_name()
    {
        string trace = In("trace");
        File.Copy(RepositoryFiles.InRepository("samples", "perf-nvme-lazy.trace.gz"), trace);
        File.CreateSymbolicLink(In("link"), "trace");
        byte[] before = File.ReadAllBytes(trace);
        foreach (string name in (string[])["trace", "link"])
        {
            Command.Refuse("replay", trace, "--csv", "-o", In(name)).ShouldContain($"--output {In(name)}: is a file that is read here");
        }

        string costs = In("costs.json");
        File.Copy(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Costs", "tegra210.json"), costs);
        Command.Refuse("bench", "--costs", costs, "-o", costs).ShouldContain("is a file that is read here");
        File.ReadAllBytes(trace).ShouldBe(before);
        Names().ShouldBe(["costs.json", "link", "trace"]);
    }

    [Fact]
    public void A_dump_of_memory_at_an_address_is_a_file_that_is_read()
    {
        string memory = In("memory");
        File.WriteAllBytes(memory, new byte[4096]);

        Command.Refuse("dump", "-f", "x86-64", "--memory", $"{memory}@1000", "--root", "1000", "-o", memory)
            .ShouldContain("is a file that is read here");

        File.ReadAllBytes(memory).ShouldBe(new byte[4096]);
    }

    [Fact]
    public void What_cannot_be_written_is_named_as_the_user_named_it()
    {
        Command.Refuse("models", "-o", _folder).ShouldContain($"--output {_folder}: is a directory");
        Command.Refuse("models", "-o", In("no", "file")).ShouldContain($"--output {In("no", "file")}: there is no such folder");
        Command.Refuse("models", "-o", string.Empty).ShouldContain("--output: the name of the file is empty");
    }

    [UnixFact]
    public void A_full_disk_is_one_line_in_every_format()
    {
        foreach (string format in (string[])["--csv", "--json", "--markdown", ""])
        {
            Shell.Run(_folder, $"{Shell.Iommukit} models {format} >&-").Error.ShouldBe("iommukit: standard output: cannot be written\n", format);
            var (code, _, error) = Shell.Run(_folder, $"{Shell.Iommukit} models {format} > /dev/full");
            error.ShouldBe("iommukit: standard output: No space left on device\n", format);
            code.ShouldBe(2);
        }
    }

    [UnixFact]
    public void A_new_file_has_the_mode_of_new_files()
    {
        Shell.Run(_folder, $"umask 027; {Shell.Iommukit} models -o new; stat -c %a new").Output.ShouldBe("640\n");
        File.ReadAllText(In("new")).ShouldBe(Command.Succeed("models"));
    }

    [UnixFact]
    public void A_signal_leaves_nothing_behind()
    {
        foreach (string result in (string[])["result", "new"])
        {
            foreach (var (signal, expected) in (ReadOnlySpan<(string, int)>)[("INT", 130), ("TERM", 143), ("HUP", 129), ("KILL", 137)])
            {
                // The shell's end of the pipe opens when the command opens the other, which it does once it can write its results. It waits for the
                // pipe's end then. In a script of its own the shell would ignore SIGINT for it.
                var (code, output, _) = Shell.Run(
                    _folder,
                    $$"""
                    set -m
                    echo old > result; rm -f pipe; mkfifo pipe
                    {{Shell.Iommukit}} replay pipe --csv -o {{result}} & command=$!
                    exec 3> pipe
                    ls -A
                    kill -{{signal}} $command; wait $command
                    """);
                output.ShouldBe("pipe\nresult\n");
                code.ShouldBe(expected);
                Names().ShouldBe(["pipe", "result"]);
                File.ReadAllText(In("result")).ShouldBe("old\n");
            }
        }
    }

    private string In(params string[] parts) => Path.Combine([_folder, .. parts]);

    private IEnumerable<string?> Names() => Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName).Order();
}
