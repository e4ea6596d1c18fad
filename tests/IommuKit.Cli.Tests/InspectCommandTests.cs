using System.Buffers.Binary;
using System.Text.Json;

namespace IommuKit.Cli.Tests;

/// <summary>What an IOMMU is configured to do, from the command line.</summary>
public sealed class InspectCommandTests : IDisposable
{
    private static readonly string Boot = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-sm-fs");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_boot_that_is_right_ends_with_0_and_its_devices_are_there()
    {
        var (code, output, _) = Command.Run("inspect", Boot, "--json");
        code.ShouldBe(0);
        var states = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        states.Count.ShouldBeGreaterThan(1);
        states.ShouldAllBe(state => state.GetProperty("wrong").GetInt64() == 0 && state.GetProperty("iommu").GetString() == "vtd");
        states[0].GetProperty("sources").EnumerateArray().ShouldContain(source => source.GetProperty("how").GetString() == "first stage");
        string screen = Command.Run("inspect", Boot, "--snapshot", "boot").Output;
        screen.ShouldContain("Nothing is wrong by the rules of a hand-over.");
        screen.ShouldContain("first stage");
    }

    [Fact]
    public void A_state_in_files_is_read_and_what_is_wrong_with_it_ends_with_1()
    {
        // A root table at 0x1000 without entries; TES is on, QIES is not.
        string registers = Write("registers.txt", "I 8 8 d2008c222f0686 CAP\nI 10 8 f00f5e ECAP\nS 1c 4 c0000000 GSTS\nW 20 8 1000 RTADDR\n");
        string memory = Path.Combine(_folder.FullName, "memory.raw");
        File.WriteAllBytes(memory, new byte[0x1000]);
        var (code, output, _) = Command.Run("inspect", "--registers", registers, "--memory", $"{memory}@1000");
        code.ShouldBe(1);
        output.ShouldContain("wrong, commands");
        output.ShouldContain("QIES of GSTS is 0");
        Command.Run("inspect", "--registers", registers, "--memory", memory).Output.ShouldContain("there is no memory at 0x1000, where the root table is");
    }

    /// <summary>A stream that bypasses is to be known; with --no-bypass it is wrong, and the exit code says so.</summary>
    [Fact]
    public void A_device_that_passes_untranslated_is_wrong_if_that_is_asked()
    {
        string boot = RepositoryFiles.InRepository("tests", "IommuKit.Lab.Tests", "Vtd", "Boots", "s-72-legacy-pt");
        foreach (bool isStrict in new[] { false, true })
        {
            string[] line = ["inspect", boot, "--json", .. isStrict ? ["--no-bypass"] : Array.Empty<string>()];
            var (code, output, _) = Command.Run(line);
            code.ShouldBe(isStrict ? 1 : 0);
            var findings = JsonDocument.Parse(output).RootElement.EnumerateArray()
                .SelectMany(state => state.GetProperty("findings").EnumerateArray())
                .Where(finding => finding.GetProperty("rule").GetString() == "bypass").ToList();
            findings.ShouldNotBeEmpty();
            findings.ShouldAllBe(finding => finding.GetProperty("wrong").GetBoolean() == isStrict);
        }
    }

    /// <summary>The same of an SMMUv3: of two streams one bypasses, and the other aborts.</summary>
    [Fact]
    public void A_stream_of_an_SMMUv3_that_bypasses_is_wrong_if_that_is_asked()
    {
        byte[] memory = new byte[0x4000];
        BinaryPrimitives.WriteUInt64LittleEndian(memory.AsSpan(0x1000), 1 | (4 << 1));
        BinaryPrimitives.WriteUInt64LittleEndian(memory.AsSpan(0x1040), 1);
        string raw = Path.Combine(_folder.FullName, "memory.raw");
        File.WriteAllBytes(raw, memory);
        string registers = Write(
            "registers.txt",
            """
            I 0 4 d44101b
            I 4 4 2730010
            I 14 4 74
            W 20 4 d
            S 24 4 d
            W 28 4 d75
            W 2c 4 6
            W 80 8 1000
            W 88 4 1
            W 90 8 2004
            W a0 8 3004

            """);
        string[] line = ["inspect", "--registers", registers, "--memory", raw];
        var (code, output, _) = Command.Run(line);
        code.ShouldBe(0);
        output.ShouldContain("to be known, bypass");
        output.ShouldContain("stream 0x0 passes untranslated");
        (code, output, _) = Command.Run([.. line, "--no-bypass"]);
        code.ShouldBe(1);
        output.ShouldContain("wrong, bypass");
        output.ShouldContain("stream 0x0 passes untranslated");
        output.ShouldNotContain("stream 0x1 passes");
    }

    /// <summary>What Linux with iommu.passthrough leaves of an SMMUv3, at each of its snapshots, and nothing else, is wrong if that is asked.</summary>
    [SharedFact]
    public void A_boot_with_pass_through_on_an_SMMUv3_is_wrong_if_that_is_asked()
    {
        string boot = RepositoryFiles.InShared("vectors", "smmuv3-linux", "s-612-pt");
        var (code, output, _) = Command.Run("inspect", boot, "--json");
        code.ShouldBe(0);
        var states = JsonDocument.Parse(output).RootElement.EnumerateArray().ToList();
        states.Count.ShouldBe(11);
        states.ShouldAllBe(state => state.GetProperty("wrong").GetInt64() == 0);
        (code, output, _) = Command.Run("inspect", boot, "--json", "--no-bypass");
        code.ShouldBe(1);
        foreach (var state in JsonDocument.Parse(output).RootElement.EnumerateArray())
        {
            state.GetProperty("wrong").GetInt64().ShouldBe(1);
            var wrong = state.GetProperty("findings").EnumerateArray().Where(finding => finding.GetProperty("wrong").GetBoolean()).ToList();
            wrong.ShouldHaveSingleItem().GetProperty("rule").GetString().ShouldBe("bypass");
            state.GetProperty("sources").EnumerateArray().ShouldContain(source => source.GetProperty("how").GetString() == "bypass");
        }

        // Where every stream is translated or blocked, there is nothing to be told.
        string strict = RepositoryFiles.InShared("vectors", "smmuv3-linux", "s-612-strict");
        Command.Run("inspect", strict, "--json", "--no-bypass", "--snapshot", "boot").Code.ShouldBe(0);
    }

    /// <summary>A page table whose every entry points to itself has more ways through it than memory has room for: what is not followed is said.</summary>
    [Theory]
    [InlineData(1, "in it and in those after it was not looked at")]
    [InlineData(256, "65536 devices and PASIDs were looked at: if there are more, they were not")]
    public void Tables_without_an_end_are_cut_and_end_with_1(int devices, string said)
    {
        const ulong table = 0x1000;
        const ulong root = 0x2000;
        const ulong contexts = 0x3000;
        string registers = Write("registers.txt", "I 8 8 80d2008c222f0606\nI 10 8 f00f4a\nW 20 8 2000\nS 1c 4 c0000000\n");
        byte[] memory = new byte[0x4000];
        for (int entry = 0; entry < 512; entry++)
        {
            Store(table + ((ulong)entry * 8), table | 3);
        }

        for (int device = 0; device < devices; device++)
        {
            Store(root + ((ulong)device * 16), contexts | 1);
            Store(contexts + ((ulong)device * 16), table | 1);
            Store(contexts + ((ulong)device * 16) + 8, 2 | (1 << 8));
        }

        string raw = Path.Combine(_folder.FullName, "memory.raw");
        File.WriteAllBytes(raw, memory);
        var (code, output, _) = Command.Run("inspect", "--registers", registers, "--memory", raw, "--json");
        code.ShouldBe(1);
        var state = JsonDocument.Parse(output).RootElement.EnumerateArray().Single();
        state.GetProperty("cut").GetBoolean().ShouldBeTrue();
        state.GetProperty("findings").EnumerateArray().ShouldContain(finding =>
            finding.GetProperty("rule").GetString() == "tables" && finding.GetProperty("what").GetString()!.EndsWith(said));
        state.GetProperty("sources").EnumerateArray().Max(source => source.GetProperty("tables").GetInt64()).ShouldBeLessThanOrEqualTo(1 << 18);

        void Store(ulong address, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(memory.AsSpan((int)address), value);
    }

    [Fact]
    public void What_cannot_be_used_is_refused()
    {
        Command.Refuse("inspect").ShouldContain("name a recorded boot, or --registers with --memory");
        Command.Refuse("inspect", Boot, "--snapshot", "none").ShouldContain("there is no snapshot \"none\"");
        Command.Refuse("inspect", Boot, "--reserved", "9-1").ShouldContain("is no range of hexadecimal addresses");
        Command.Refuse("inspect", _folder.FullName).ShouldContain("there is no recorded boot");
        string odd = Write("odd.txt", "hello\n");
        Command.Refuse("inspect", "--registers", odd, "--memory", odd).ShouldContain("odd.txt:1");
        Command.Refuse("inspect", "--registers", "nowhere", "--memory", odd).ShouldContain("nowhere");
    }

    /// <summary>What is damaged is named with its line and the reason, and never taken for something else.</summary>
    [Theory]
    [InlineData("M fffffffffffffff8 00000000000000000000000000000000", "pages.txt:2: its memory goes on behind the last address: M ffff")]
    [InlineData("I 8 4 123456789", "pages.txt:2: its value has more than 4 bytes: I 8 4 123456789")]
    [InlineData("I 9 4 1", "pages.txt:2: no register of 4 bytes is there: I 9 4 1")]
    [InlineData("M 1000 0", "pages.txt:2: this is no line of a recorded boot: M 1000 0")]
    [InlineData("I 8 8 0", "the registers of boot are of no IOMMU that is known here, which are vtd, smmu3, smmu2: its registers of")]
    public void A_damaged_boot_is_refused_by_its_file_and_line(string line, string why)
    {
        Write("pages.txt", $"T boot\n{line}\n");
        Write("translations.txt", "T boot\n");
        string said = Command.Refuse("inspect", _folder.FullName);
        said.ShouldContain(why);
        said.ShouldContain(_folder.FullName);
    }

    /// <summary>A result does not take the place of the boot that it is about.</summary>
    [Theory]
    [InlineData("inspect")]
    [InlineData("conform")]
    public void A_boot_is_not_overwritten_by_what_is_said_of_it(string command)
    {
        string pages = Write("pages.txt", "T boot\nI 0 4 10\nI 8 8 d2008c222f0686\nI 10 8 f00f5e\n");
        Write("translations.txt", "T boot\n");
        string text = File.ReadAllText(pages);
        Command.Refuse(command, _folder.FullName, "--output", pages).ShouldContain("--output");
        File.ReadAllText(pages).ShouldBe(text);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
