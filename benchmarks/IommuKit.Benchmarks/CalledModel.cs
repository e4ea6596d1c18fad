using IommuKit.Models.Dma;

namespace IommuKit.Benchmarks;

/// <summary>A model that is called through its interface, as by a program that chose it while it ran.</summary>
/// <param name="model">The model.</param>
internal readonly struct CalledModel(IIommuModel model) : IIommuModel
{
    /// <inheritdoc/>
    public AccessGate Accesses => model.Accesses;

    /// <inheritdoc/>
    public Translation Translate(in DmaRequest request) => model.Translate(request);

    /// <inheritdoc/>
    public void ReportDecodeError(in DmaRequest request, ulong physicalAddress) => model.ReportDecodeError(request, physicalAddress);
}
