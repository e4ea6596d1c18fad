using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.Json;
using IommuKit.Lab.Iommus;
using MyIommu;

namespace IommuKit.Cli.Tests;

/// <summary>What assemblies of others bring is taken by the commands, and what is wrong with one is said in a line.</summary>
public sealed class LoadTests : IDisposable
{
    private static readonly string Sample = typeof(MyExtension).Assembly.Location;

    private readonly string _folder = Directory.CreateTempSubdirectory("iommukit-load-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Models_lists_what_is_loaded_beside_what_there_is()
    {
        var models = JsonDocument.Parse(Command.Succeed("models", "--load", Sample, "--json")).RootElement.EnumerateArray().ToList();
        models.Select(model => model.GetProperty("iommu").GetString()).ShouldBe(
        [
            .. MachineCatalog.All.Select(kind => kind.Name), "my-iommu", "my-iommu-buggy",
        ]);
        models[^2].GetProperty("format").GetString().ShouldBe("my-format");
        models[^2].GetProperty("devices").GetInt32().ShouldBe(4);
    }

    [Fact]
    public void What_one_run_has_loaded_is_not_there_in_the_next()
    {
        Command.Succeed("models", $"--load={Sample}").ShouldContain("my-iommu");
        Command.Succeed("models").ShouldNotContain("my-iommu");
        Command.Refuse("bench", "--iommu", "my-iommu").ShouldContain("there is no \"my-iommu\"");
    }

    [Fact]
    public void Bench_counts_the_writes_of_a_driver_from_elsewhere_and_knows_the_least()
    {
        var rows = Rows("bench", "--load", Sample, "--iommu", "my-iommu", "--size", "64K", "--policy", "Gather,PerPage", "--json");
        var unmap = rows.Single(row => Is(row, "policy", "Gather") && Is(row, "op", "unmap"));

        // One line of 16 entries of 4 bytes; one write that selects the space, and one for each page.
        unmap.GetProperty("operations").GetProperty("line_cleaned").GetInt64().ShouldBe(1);
        unmap.GetProperty("operations").GetProperty("register_write").GetInt64().ShouldBe(17);
        unmap.GetProperty("bound_operations").GetProperty("line_cleaned").GetInt64().ShouldBe(1);
        unmap.GetProperty("bound_operations").GetProperty("register_write").GetInt64().ShouldBe(16);

        // The walker never remembers what is not present.
        var map = rows.Single(row => Is(row, "policy", "Gather") && Is(row, "op", "map"));
        map.GetProperty("operations").TryGetProperty("register_write", out _).ShouldBeFalse();
        map.GetProperty("bound_operations").TryGetProperty("register_write", out _).ShouldBeFalse();
    }

    [Fact]
    public void Its_tuning_is_an_option()
    {
        string[] bench = ["bench", "--load", Sample, "--iommu", "my-iommu", "--size", "64K", "--policy", "Gather", "--json"];
        Rows([.. bench, "--most-pages", "8"]).Single(row => Is(row, "op", "unmap"))
            .GetProperty("operations").GetProperty("register_write").GetInt64().ShouldBe(2);
        Command.Refuse([.. bench, "--most-pages", "x"]).ShouldContain("--most-pages: \"x\" is not a whole number");
        Command.Refuse([.. bench, "--tlb-step", "16K"]).ShouldContain("--tlb-step: my-iommu cannot be tuned so; it is for tegra30,");
        Command.Refuse("bench", "--load", Sample, "--most-pages", "8").ShouldContain("it is for my-iommu");
    }

    [Fact]
    public void Replay_runs_a_trace_on_it()
    {
        string trace = RepositoryFiles.InRepository("samples", "vfio-edu.trace.gz");
        var rows = Rows("replay", trace, "--load", Sample, "--iommu", "my-iommu,tegra210", "--policy", "Gather", "--json");
        rows.Select(row => row.GetProperty("iommu").GetString()).ShouldBe(["my-iommu", "tegra210"]);
        rows[0].GetProperty("map_events").GetInt64().ShouldBe(rows[1].GetProperty("map_events").GetInt64());
        rows[0].GetProperty("operations").GetProperty("register_write").GetInt64().ShouldBePositive();
    }

    [Fact]
    public void Dump_and_bench_know_its_format()
    {
        string tree = Command.Succeed("dump", "--load", Sample, "--format", "my-format", "--map", "400000:80000000:8K:r");
        tree.ShouldContain("0x80000000");
        tree.ShouldContain(" R");
        Command.Refuse("bench", "--load", Sample, "--format", "my-format").ShouldContain("--host-time");
    }

    [Fact]
    public void Check_finds_nothing_wrong_with_the_driver_and_all_that_is_planted_in_it()
    {
        var (code, output, error) = Command.Run("check", "--load", Sample, "--depth", "2", "--time", "0", "--json");
        Command.WithoutProgress(error).ShouldBeEmpty();
        code.ShouldBe(0, output);
        var result = JsonDocument.Parse(output).RootElement;
        var planted = result.GetProperty("planted_bugs").EnumerateArray().ToList();
        planted.Select(bug => bug.GetProperty("bug").GetString()).ShouldContain("unselected-space");
        planted.Count.ShouldBeGreaterThan(8);
        planted.ShouldAllBe(bug => bug.GetProperty("iommu").GetString() == "my-iommu");
        result.GetProperty("planted_caught").GetInt64().ShouldBe(result.GetProperty("planted").GetInt64());
    }

    [Fact]
    public void Check_finds_the_bug_in_the_other_driver_and_shows_the_DMA_that_goes_wrong()
    {
        var (code, output, _) = Command.Run(
            "check", "--load", Sample, "--iommu", "my-iommu-buggy", "--policy", "Gather", "--depth", "2", "--time", "0");
        code.ShouldBe(1, output);
        output.ShouldContain("the translations that were dropped after the store are others than the page's");
        output.ShouldContain("my-iommu-buggy");
    }

    [Fact]
    public void Check_runs_a_walker_in_software_on_its_format()
    {
        var (code, output, _) = Command.Run(
            "check", "--load", Sample, "--iommu", "my-format-noncoherent", "--policy", "Gather", "--depth", "1", "--time", "0");
        code.ShouldBe(0, output);
    }

    [Fact]
    public void A_planted_bug_of_its_own_can_be_shown()
    {
        var (code, output, _) = Command.Run("check", "--load", Sample, "--iommu", "my-iommu", "--plant", "unselected-space");
        code.ShouldBe(1);
        output.ShouldContain("wrong-target");
    }

    [Fact]
    public void A_driver_whose_devices_see_the_wrong_thing_is_not_our_defect() =>
        Command.Refuse("bench", "--load", Sample, "--iommu", "my-iommu-buggy", "--size", "16K", "--policy", "Gather")
            .ShouldContain($"{Sample}: my-iommu-buggy: a device sees IOVA 0x40003000 wrong after unmap");

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Command.Refuse("models", "--load", "none/My.dll").ShouldStartWith("iommukit: --load: none/My.dll: there is no such file");

    [Fact]
    public void A_folder_is_none() => Command.Refuse("models", "--load", _folder).ShouldContain("it is a directory");

    [Fact]
    public void What_is_no_assembly_is_refused()
    {
        string file = Path.Combine(_folder, "My.dll");
        File.WriteAllText(file, "MZ, but no more");
        Command.Refuse("check", "--load", file).ShouldContain($"{file}: it is not an assembly for .NET");
    }

    [Fact]
    public void An_assembly_without_an_extension_is_refused() =>
        Command.Refuse("bench", "--load", typeof(FactAttribute).Assembly.Location)
            .ShouldContain("no public class that implements IommuKit.Checker.IIommuKitExtension");

    [Fact]
    public void A_name_that_is_taken_is_refused()
    {
        // The same again, under another name of the file.
        string copy = Path.Combine(_folder, "Copy.dll");
        File.Copy(Sample, copy);
        Command.Refuse("models", "--load", Sample, "--load", copy).ShouldContain($"{copy}: there is \"my-iommu\" already");
    }

    [Theory]
    [InlineData("constructor", "MisbehavingExtension cannot be made: InvalidOperationException: no luck with constructor")]
    [InlineData("kinds", "MisbehavingExtension cannot say what it brings: InvalidOperationException: no luck with kinds")]
    [InlineData("null", "it brings null as the name of an IOMMU")]
    [InlineData("name", "it brings \"bad, worse\" as the name of an IOMMU")]
    [InlineData("taken", "there is \"tegra210\" already; give its IOMMU another name")]
    public void What_an_extension_does_wrong_when_it_is_asked_is_said(string wrong, string message) =>
        Command.Refuse("models", "--load", Bad(wrong)).ShouldStartWith($"iommukit: --load: {Bad(wrong)}: {message}");

    [Theory]
    [InlineData("models")]
    [InlineData("bench", "--iommu", "bad")]
    [InlineData("replay", "samples/vfio-edu.trace.gz", "--iommu", "bad")]
    [InlineData("check", "--iommu", "bad", "--depth", "1", "--time", "0")]
    public void A_kind_that_throws_when_a_machine_is_made_is_named(params string[] args) => Command.Refuse(
        [
            .. args.Select(arg => arg.StartsWith("samples") ? RepositoryFiles.InRepository(arg.Split('/')) : arg),
            "--load",
            Bad("create"),
        ])
        .ShouldStartWith($"iommukit: --load: {Bad("create")}: MisbehavingExtension.ThrowIf failed: InvalidOperationException: no luck with create");

    [Fact]
    public void So_is_a_decoder_that_throws() =>
        Command.Refuse("check", "--load", Bad("decode"), "--iommu", "bad", "--depth", "1", "--time", "0")
            .ShouldStartWith($"iommukit: --load: {Bad("decode")}: BadDecoder.Decode failed: NotSupportedException: no such register");

    [Fact]
    public void An_option_that_is_taken_is_refused() =>
        Command.Refuse("bench", "--load", Bad("option")).ShouldContain("--load: there are two options --costs");

    [Fact]
    public void One_that_was_built_with_another_version_is_refused()
    {
        byte[] image = File.ReadAllBytes(Sample);
        using (var pe = new PEReader(new MemoryStream(image.ToArray())))
        {
            var reader = pe.GetMetadataReader();
            int table = pe.PEHeaders.MetadataStartOffset + reader.GetTableMetadataOffset(TableIndex.AssemblyRef);
            foreach (var handle in reader.AssemblyReferences)
            {
                // A row begins with the major version.
                int row = table + ((MetadataTokens.GetRowNumber(handle) - 1) * reader.GetTableRowSize(TableIndex.AssemblyRef));
                image[row] = reader.GetString(reader.GetAssemblyReference(handle).Name).StartsWith("IommuKit") ? (byte)9 : image[row];
            }
        }

        string file = Path.Combine(_folder, "Later.dll");
        File.WriteAllBytes(file, image);
        string message = Command.Refuse("models", "--load", file);
        message.ShouldContain($"{file}: it was built with IommuKit");
        message.ShouldContain(" 9.1.0, and this is 0.1.0; build it again with that version");
    }

    [Fact]
    public void The_same_file_twice_is_loaded_once() => Command.Succeed("models", "--load", Sample, "--load", Sample).ShouldContain("my-iommu");

    [Theory]
    [InlineData("explain")]
    [InlineData("policies")]
    public void Commands_that_load_nothing_have_no_such_option(string command) =>
        Command.Refuse(command, "--load", Sample).ShouldContain("--load");

    [Fact]
    public void The_option_wants_a_value() => Command.Refuse("models", "--load").ShouldContain("--load");

    /// <summary>An extension that does wrong what its file is called after, with what it needs beside it.</summary>
    private string Bad(string wrong)
    {
        string file = Path.Combine(_folder, $"{wrong}.dll");
        if (!File.Exists(file))
        {
            File.Copy(typeof(BadExtension.MisbehavingExtension).Assembly.Location, file);
            File.Copy(Sample, Path.Combine(_folder, "MyIommu.dll"));
        }

        return file;
    }

    private static List<JsonElement> Rows(params string[] args) => [.. JsonDocument.Parse(Command.Succeed(args)).RootElement.EnumerateArray()];

    private static bool Is(JsonElement row, string name, string value) => row.GetProperty(name).GetString() == value;
}
