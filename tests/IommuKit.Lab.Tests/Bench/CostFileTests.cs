using System.Text.Json.Nodes;
using IommuKit.Lab.Costs;
using IommuKit.Lab.Machines;
using IommuKit.Traces;

namespace IommuKit.Lab.Tests.Bench;

public sealed class CostFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    private static string Text => File.ReadAllText(RepositoryFiles.InRepository("src", "IommuKit.Lab", "Costs", "tegra210.json"));

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Every_number_says_how_it_is_known()
    {
        CostFile.Default.Name.ShouldBe("tegra210-2015");
        foreach (var component in CostFile.Default.Components.Kinds.Select(kind => CostFile.Default.Components[kind]))
        {
            component.Kind.ShouldBeOneOf("measured", "fitted", "assumed");
            component.Source.Length.ShouldBeGreaterThan(20);
            component.Us.ShouldBeGreaterThan(0);
        }

        // The anchor: one DMA sync of one entry is 0.24 µs.
        (CostFile.Default.Components[OperationKind.LineCleaned].Us + CostFile.Default.Components[OperationKind.Barrier].Us).ShouldBe(0.24, 1e-9);
    }

    [Fact]
    public void A_file_of_the_users_own_is_read()
    {
        File.WriteAllText(_path, Text.Replace("tegra210-2015", "my board").Replace("0.57", "0.5"));
        var costs = CostFile.Load(_path);
        costs.Name.ShouldBe("my board");
        costs.Components[OperationKind.RegisterWrite].Us.ShouldBe(0.5);
    }

    [Theory]
    [InlineData(1 << 20, true)]
    [InlineData((1 << 20) + 1, false)]
    public void A_file_has_a_mebibyte_at_the_most(int bytes, bool isRead)
    {
        File.WriteAllText(_path, Text);
        File.AppendAllText(_path, new string(' ', bytes - (int)new FileInfo(_path).Length));
        if (isRead)
        {
            CostFile.Load(_path).Name.ShouldBe("tegra210-2015");
        }
        else
        {
            Should.Throw<InputException>(() => CostFile.Load(_path)).Message.ShouldContain("too many for a cost file");
        }
    }

    [Theory]
    [InlineData("{", ":1:")]
    [InlineData("", ":1:")]
    [InlineData("[]", ":1:")]
    [InlineData("null", "holds no costs")]
    [InlineData("{\"name\":\"x\"}", ":1: the file has no \"description\"")]
    [InlineData("{\n\"name\":7}", ":2: \"name\" is not a text in quotes")]
    [InlineData("{\n\n\"nam\":\"x\"}", ":3: the file cannot have \"nam\"; it has name, description, unit, components")]
    [InlineData("{\"name\":\"x\",\n\"name\":\"y\"}", ":2: the file has \"name\" twice")]
    [InlineData("{\"name\":\"x\",\n\"components\":[]}", ":2: \"components\" is not an object")]
    [InlineData("{\"name\":\"x\",\n\"components\":{\"bar\":{}}}", ":2: \"components\" cannot have \"bar\"")]
    [InlineData("{\"name\":\"x\",\n\"components\":{\"barrier\":\n{\"us\":\"1\"}}}", ":3: \"us\" of barrier is not a number")]
    [InlineData("{\"name\":\"\\ud800\"}", ":1: \"name\" is not a text")]
    public void Anything_else_is_refused_with_file_and_line(string text, string reason)
    {
        File.WriteAllText(_path, text);
        string message = Should.Throw<InputException>(() => CostFile.Load(_path)).Message;
        message.ShouldStartWith(_path);
        message.ShouldContain(reason);
        message.ShouldNotContain("\n");
        message.ShouldNotContain("System.");
        message.ShouldNotContain("LineNumber");
    }

    [Fact]
    public void A_kind_that_is_not_one_of_the_three_is_refused_with_its_line()
    {
        string[] lines = Text.Replace("\"measured\"", "\"guessed\"").Split('\n');
        int line = Array.FindIndex(lines, text => text.Contains("\"assumed\""));
        lines[line] = lines[line].Replace("assumed", "guessed");
        File.WriteAllLines(_path, lines);
        Should.Throw<InputException>(() => CostFile.Load(_path)).Message
            .ShouldBe($"{_path}:{line + 1}: the kind of entry_stored is \"guessed\"; choose from measured, fitted, assumed");
    }

    [Fact]
    public void Nothing_may_follow_the_object()
    {
        File.WriteAllText(_path, Text + "x");
        Should.Throw<InputException>(() => CostFile.Load(_path)).Message.ShouldContain("is not JSON");
    }

    [Fact]
    public void A_folder_or_an_empty_name_is_refused()
    {
        Should.Throw<InputException>(() => CostFile.Load(Path.GetTempPath())).Message.ShouldContain("is a directory");
        Should.Throw<InputException>(() => CostFile.Load(string.Empty)).Message.ShouldContain("empty");
    }

    [Theory]
    [InlineData("register_write", "us", -1.0, "register_write costs -1 us")]
    [InlineData("register_write", "us", 1e308, "register_write costs 1E+308 us; a cost is a number from 0 to 1000000000")]
    [InlineData("register_write", "us", 1000000001.0, ":1: register_write costs 1000000001 us")]
    [InlineData("barrier", "us", double.PositiveInfinity, null)]
    [InlineData("barrier", "nanoseconds", 3.0, "nanoseconds")]
    public void Impossible_components_are_refused(string component, string field, double value, string? reason)
    {
        var json = JsonNode.Parse(Text)!;
        string text = json.ToJsonString();
        json["components"]![component]![field] = double.IsFinite(value) ? value : 1;
        text = json.ToJsonString();
        if (!double.IsFinite(value))
        {
            text = text.Replace("\"barrier\":{\"us\":1", "\"barrier\":{\"us\":1e999");
        }

        File.WriteAllText(_path, text);
        string message = Should.Throw<InputException>(() => CostFile.Load(_path)).Message;
        message.ShouldContain(reason ?? "barrier");
    }

    [Fact]
    public void Kinds_may_be_left_out_and_count_as_assumed_to_be_nothing()
    {
        var json = JsonNode.Parse(Text)!;
        json["components"]!.AsObject().Remove("barrier");
        json["components"]!.AsObject().Remove("run_stored");
        json["components"]!["command"] = JsonNode.Parse("""{ "us": 0.25, "kind": "assumed", "source": "a guess" }""");
        File.WriteAllText(_path, json.ToJsonString());
        var costs = CostFile.Load(_path);
        costs.Components.Kinds.ShouldBe(
            CostFile.Default.Components.Kinds.Except([OperationKind.Barrier, OperationKind.RunStored]).Append(OperationKind.Command));
        var (us, kind, source, width) = costs.Components[OperationKind.Barrier];
        (us, kind, width).ShouldBe((0, "assumed", null));
        source.ShouldContain("Not in the file");

        var counts = default(OperationCounts);
        counts.Add(OperationKind.Barrier, 3);
        counts.Add(OperationKind.RegisterWrite, OperationPurpose.Tlb, 2);
        counts.Add(OperationKind.Command, OperationPurpose.Tlb, 4);
        counts.Add(OperationKind.Wait, 1);
        costs.Microseconds(counts).ShouldBe((2 * costs.Components[OperationKind.RegisterWrite].Us) + 1, 1e-12);
        costs.Unpriced(counts).ShouldBe([OperationKind.Barrier]);
        CostFile.Default.Unpriced(counts).ShouldBe([OperationKind.Command]);
    }

    /// <summary>A tally costs nothing unless somebody says so.</summary>
    [Fact]
    public void A_wait_may_have_a_cost_of_its_own()
    {
        var json = JsonNode.Parse(Text)!;
        json["components"]!["wait"] = JsonNode.Parse("""{ "us": 2, "kind": "measured", "source": "a stopwatch" }""");
        File.WriteAllText(_path, json.ToJsonString());
        var counts = default(OperationCounts);
        counts.Add(OperationKind.Wait, 3);
        CostFile.Load(_path).Microseconds(counts).ShouldBe(6);
        CostFile.Default.Microseconds(counts).ShouldBe(0);
    }

    [Fact]
    public void Another_unit_is_refused()
    {
        File.WriteAllText(_path, Text.Replace("\"us\",", "\"ns\","));
        Should.Throw<InputException>(() => CostFile.Load(_path)).Message.ShouldContain("unit");
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Should.Throw<InputException>(() => CostFile.Load("/nowhere/costs.json")).Message.ShouldContain("/nowhere/costs.json");
}
