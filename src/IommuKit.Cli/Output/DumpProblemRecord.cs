using IommuKit.Lab.Dump;

namespace IommuKit.Cli.Output;

/// <summary>An illegal entry of <c>iommukit dump --memory</c> as JSON has it. docs/json.md describes the fields.</summary>
internal sealed class DumpProblemRecord(DumpProblem problem)
{
    public string Iova => Names.Hex(problem.Iova);

    public int Level => problem.Level;

    public string EntryAddress => Names.Hex(problem.EntryAddress);

    public string Entry => Names.Hex(problem.Value);

    public string End => Names.Of(problem.End);

    public string Meaning => problem.Meaning;
}
