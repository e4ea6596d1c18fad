using IommuKit.Analysis.Verdict;

namespace IommuKit.Cli.Output;

/// <summary>Something worth trying, in the results of a verdict.</summary>
internal sealed class AdviceRecord(Advice advice)
{
    public string Id => advice.Id;

    public string Change => advice.Change;

    public string? Condition => advice.Condition;
}
