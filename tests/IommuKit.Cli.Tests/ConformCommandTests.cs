using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>Models against recorded boots, from the command line.</summary>
public sealed class ConformCommandTests : IDisposable
{
    private static readonly string Boots = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Boots_in_a_folder_are_compared_and_known_deviations_named()
    {
        var (code, output, _) = Command.Run("conform", Boots, "--json");
        code.ShouldBe(0);
        var boots = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        boots.Select(boot => (Text(boot, "boot"), Number(boot, "probes"), Number(boot, "agree"), Number(boot, "unknown"))).ShouldBe(
            [("s-72-legacy-pt", 1334, 1334, 0), ("s-72-sm-fs", 2168, 2115, 0)]);
        boots[1].GetProperty("differ").GetArrayLength().ShouldBe(53);
        boots.Select(boot => Number(boot, "known_deviations")).ShouldBe([0, 53]);
        Command.Run(80, ["conform", Boots]).Output.ShouldMatch(@"s-72-sm-fs +vtd .*2,168 +2,115 +53 +– +– +0 +\n");
        Command.Run("conform", Boots).Output.ShouldContain("s-72-sm-fs: 44 known: the recorder reports scalable mode by a reason of legacy mode.");
    }

    [SharedFact]
    public void Unmaps_that_were_left_out_are_counted_with_the_reason()
    {
        string boot = RepositoryFiles.InShared("vectors", "vtd-linux", "s-612-legacy");
        string output = Command.Run(140, ["conform", boot]).Output;
        output.ShouldMatch(@"s-612-legacy +vtd .* 463 +462 +60 +0 +\n");
        output.ShouldContain("Left out: 60 unmaps without a command of their own, which would name the address space");
        Command.Run("conform", Boots).Output.ShouldNotContain("Left out:");
    }

    [Fact]
    public void A_difference_is_shown_and_ends_with_1()
    {
        Write("pages.txt", "T boot\nI 0 4 10\nI 8 8 d2008c222f0686\nI 10 8 f00f5e\nS 1c 4 1 gsts\n");
        Write("translations.txt", "T boot\nX sid=10 iova=1000 write -> ok pa=2000 perm=rw\n");
        var (code, output, _) = Command.Run("conform", _folder.FullName);
        code.ShouldBe(1);
        output.ShouldContain("recorded");
        output.ShouldContain("Differ: registers and answers that are not what was");
    }

    [Theory]
    [InlineData("nowhere", "there is no such folder")]
    [InlineData(".", "there is no recorded boot in it")]
    [InlineData("README.md", "is a file, and a recorded boot is a folder")]
    public void What_is_no_boot_is_refused(string name, string message)
    {
        Write("README.md", "About these boots.");
        var (code, _, error) = Command.Run("conform", Path.Combine(_folder.FullName, name));
        code.ShouldBe(2);
        error.ShouldContain(message);
        error.Trim().Split('\n').Length.ShouldBe(1);
    }

    [Fact]
    public void A_line_that_is_not_understood_is_named()
    {
        Write("pages.txt", "T boot\nI zero 4 10\n");
        Write("translations.txt", "T boot\n");
        var (code, _, error) = Command.Run("conform", _folder.FullName);
        code.ShouldBe(2);
        error.ShouldContain("pages.txt:2");
    }

    /// <summary>As a shell makes of DIR/*.</summary>
    [Fact]
    public void Files_beside_boots_are_left_out_and_named()
    {
        string[] beside = [.. Directory.GetFileSystemEntries(Boots).Order(StringComparer.Ordinal)];
        var (code, output, error) = Command.Run(["conform", .. beside, "--json"]);
        code.ShouldBe(0);
        JsonDocument.Parse(output).RootElement.GetArrayLength().ShouldBe(2);
        error.ShouldContain("README.md: is a file, and left out");
        Command.Refuse("conform", Path.Combine(Boots, "README.md")).ShouldContain("is a file, and a recorded boot is a folder");
    }

    [Fact]
    public void Registers_of_an_IOMMU_that_is_not_known_say_which_are()
    {
        Write("pages.txt", "T boot\nI fff8 4 10\n");
        Write("translations.txt", "T boot\n");
        Command.Refuse("conform", _folder.FullName).ShouldContain("the registers of boot are of no IOMMU that is known here, which are vtd, ");
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static int Number(JsonElement element, string name) => element.GetProperty(name).GetInt32();

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name), text);
}
