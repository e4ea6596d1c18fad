using System.IO.Compression;
using IommuKit.Lab.Conform;
using IommuKit.Lab.Iommus;
using IommuKit.Lab.Tests.Vtd;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Conform;

/// <summary>Boots of which something is missing or impossible: none of them passes for one that agrees.</summary>
public sealed class SpoiledBootTests
{
    private static string Small => RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt");

    [Theory]
    [InlineData("pages.txt", 0.5)]
    [InlineData("pages.txt", 0.999)]
    [InlineData("translations.txt", 0.5)]
    [InlineData("translations.txt", 0.999)]
    public void A_file_that_is_cut_off_is_refused_by_its_name(string name, double share)
    {
        using var folder = new BootFolder(Small);
        Compress(folder, name, share);
        Should.Throw<InputException>(() => Run(folder)).Message.ShouldContain($"{name}.gz");
    }

    [SharedTheory]
    [InlineData("oracle.txt")]
    [InlineData("meta.txt")]
    public void So_is_one_of_what_the_kernel_did(string name)
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", "vtd-linux", "s-72-ats"), withEvents: true);
        Compress(folder, name, 0.9);
        Should.Throw<InputException>(() => Run(folder)).Message.ShouldContain($"{name}.gz");
    }

    [Fact]
    public void Accesses_that_are_missing_are_told()
    {
        using var folder = new BootFolder(Small);
        string path = Path.Combine(folder.Path, "translations.txt");
        string[] lines = File.ReadAllLines(path);
        int first = Array.FindIndex(lines, line => line.StartsWith("T ", StringComparison.Ordinal));
        int second = Array.FindIndex(lines, first + 1, line => line.StartsWith("T ", StringComparison.Ordinal));

        // The first section alone.
        File.WriteAllLines(path, lines[..second]);
        var result = Run(folder);
        result.SilentSnapshots.ShouldBe(result.Snapshots - 1);
        result.NotCompared!.ShouldContain("there is no oracle.txt");

        File.WriteAllLines(path, [.. lines[..second], "T nowhere", lines[second + 1]]);
        Should.Throw<InputException>(() => Run(folder)).Message.ShouldContain("\"nowhere\"");
        File.WriteAllLines(path, lines.Where(line => line.StartsWith("T ", StringComparison.Ordinal)));
        Should.Throw<InputException>(() => Run(folder)).Message.ShouldContain("no access was recorded");
    }

    /// <summary>One unmap loses its commands. In a kernel that invalidates at once that is a difference, wherever it is.</summary>
    [SharedTheory]
    [InlineData("vtd-linux", "s-72-ats", 3)]
    [InlineData("vtd-linux", "s-72-ats", 100)]
    [InlineData("vtd-linux", "s-612-legacy", 20)]
    [InlineData("vtd-linux", "s-612-legacy", 200)]
    [InlineData("vtd-linux", "s-72-sm-fs", 150)]
    [InlineData("smmuv3-linux", "s-612-strict", 50)]
    [InlineData("smmuv3-linux", "s-612-s2", 400)]
    public void An_unmap_without_its_commands_is_a_difference(string platform, string boot, int number)
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", platform, boot), withEvents: true);
        Without(folder, number);
        Run(folder).Unknown.ShouldBePositive();
    }

    [SharedTheory]
    [InlineData("vtd-linux", "s-72-ats")]
    [InlineData("smmuv3-linux", "s-72-lazy")]
    public void A_boot_without_any_command_does_not_pass(string platform, string boot)
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", platform, boot), withEvents: true);
        string path = Path.Combine(folder.Path, "oracle.txt");
        File.WriteAllLines(path, File.ReadAllLines(path).Where(line => !line.StartsWith("  ", StringComparison.Ordinal)));
        var result = Run(folder);
        result.Groups.ShouldBe(0);
        result.Unknown.ShouldBePositive();
    }

    [SharedFact]
    public void Without_the_order_of_commands_caching_mode_is_not_compared_and_that_is_told()
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", "vtd-linux", "s-612-cm39"), withEvents: true);
        var result = Run(folder);
        result.Groups.ShouldBeNull();
        result.NotCompared!.ShouldContain("commands.txt");
        (result.Agree, result.Unknown).ShouldBe((result.Probes, 0));
    }

    /// <summary>Registers that no unit has, or that our driver cannot drive: compared as far as they can be, or refused, and never a defect.</summary>
    [SharedTheory]
    [InlineData("vtd-linux", "s-72-ats", "I 8 8 ", "0")]
    [InlineData("vtd-linux", "s-72-ats", "I 8 8 ", "ffffffffffffffff")]
    [InlineData("vtd-linux", "s-72-ats", "I 10 8 ", "0")]
    [InlineData("vtd-linux", "s-72-ats", "I 10 8 ", "ffffffffffffffff")]
    [InlineData("vtd-linux", "s-72-sm-fs", "I 10 8 ", "f00f4a")]
    [InlineData("vtd-linux", "s-72-sm-fs", "I 8 8 ", "d2008c222f0606")]
    [InlineData("smmuv3-linux", "s-612-strict", "I 0 4 ", "0")]
    [InlineData("smmuv3-linux", "s-612-strict", "I 0 4 ", "ffffffff")]
    [InlineData("smmuv3-linux", "s-612-strict", "I 4 4 ", "0")]
    [InlineData("smmuv3-linux", "s-612-strict", "I 4 4 ", "ffffffff")]
    [InlineData("smmuv3-linux", "s-612-s2", "I 14 4 ", "0")]
    [InlineData("smmuv3-linux", "s-612-s2", "I 14 4 ", "ffffffff")]
    public void Registers_that_cannot_be_are_no_defect(string platform, string boot, string register, string value)
    {
        using var folder = new BootFolder(RepositoryFiles.InShared("vectors", platform, boot), withEvents: true);
        string path = Path.Combine(folder.Path, "pages.txt");
        string[] lines = File.ReadAllLines(path);
        int changed = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith(register, StringComparison.Ordinal))
            {
                lines[i] = register + value;
                changed++;
            }
        }

        changed.ShouldBePositive();
        File.WriteAllLines(path, lines);
        try
        {
            // More than was there agrees in all that was asked.
            Run(folder).Snapshots.ShouldBe(changed);
        }
        catch (InputException e)
        {
            e.Message.ShouldContain("registers of ");
        }
    }

    private static ConformResult Run(BootFolder folder) => ConformRunner.Run(new RecordedBoot(folder.Path), ConformCatalog.All);

    private static void Compress(BootFolder folder, string name, double share)
    {
        string path = Path.Combine(folder.Path, name);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(File.ReadAllBytes(path));
        }

        File.WriteAllBytes(path + ".gz", packed.ToArray()[..(int)(packed.Length * share)]);
        File.Delete(path);
    }

    /// <summary>Takes away the commands of one of the unmaps that have any and are in a step in which no device comes or goes.</summary>
    private static void Without(BootFolder folder, int number)
    {
        string path = Path.Combine(folder.Path, "oracle.txt");
        string[] moves = [" bind", " gtype", " open", " close", " remove", " rescan"];
        var kept = new List<string>();
        string section = string.Empty;
        int unmaps = 0;
        bool isCut = false;
        string[] lines = File.ReadAllLines(path);
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (line.StartsWith("MARK", StringComparison.Ordinal))
            {
                section = line;
            }

            bool isCommand = line.StartsWith("  ", StringComparison.Ordinal);
            if (!isCommand)
            {
                bool hasCommands = i + 1 < lines.Length && lines[i + 1].StartsWith("  ", StringComparison.Ordinal) && !lines[i + 1].StartsWith("  G", StringComparison.Ordinal);
                bool isJudged = section != "MARK 0 " && !moves.Any(move => section.Contains(move, StringComparison.Ordinal));
                isCut = line.StartsWith("U ", StringComparison.Ordinal) && hasCommands && isJudged && unmaps++ == number;
            }

            if (!isCommand || !isCut || line.StartsWith("  G", StringComparison.Ordinal))
            {
                kept.Add(line);
            }
        }

        kept.Count.ShouldBeLessThan(lines.Length);
        File.WriteAllLines(path, kept);
    }
}
