using IommuKit.Lab;
using IommuKit.Lab.Bench;

namespace IommuKit.Cli.Output;

/// <summary>What <c>iommukit policies</c> says of a policy. docs/json.md describes the fields.</summary>
/// <param name="guide">The words.</param>
/// <param name="unmap">What an unmap of 4M takes.</param>
internal sealed class PolicyRecord(PolicyGuide guide, BenchRow unmap)
{
    public string Policy => guide.Policy.ToString();

    public string KnownFrom => guide.KnownFrom;

    public string Does => guide.Does;

    public string Promises => guide.Promises;

    public bool PromisesAll => guide.Policy.IsFull();

    public string Costs => guide.Costs;

    public string ChooseIf => guide.ChooseIf;

    public string ExampleIommu => unmap.Iommu;

    public ulong ExampleBytes => unmap.Size;

    public double ExampleUnmapVirtualUs => Math.Round(unmap.VirtualMicroseconds, 3);

    public long ExampleOperations => unmap.Counts.Maintenance;

    public long ExampleReachablePages => unmap.ReachablePages;
}
