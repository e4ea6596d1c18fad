namespace IommuKit.Drivers.Smmu3;

/// <summary>A device behind an SMMUv3, as firmware describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="StreamId">Its StreamID.</param>
/// <param name="Pasids">
/// How many PASIDs it has, as SubstreamIDs from 0 on; 0 if none. Number 0 stands for what comes without one, and no domain can be attached with it.
/// </param>
/// <param name="HasDeviceTlb">Whether it keeps translations of its own (ATS is enabled in it). Used where the SMMU has ATS.</param>
public sealed record Smmu3Client(string Name, uint StreamId, int Pasids = 0, bool HasDeviceTlb = false);
