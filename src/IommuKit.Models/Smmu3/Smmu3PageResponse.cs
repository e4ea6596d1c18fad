namespace IommuKit.Models.Smmu3;

/// <summary>The answer to a group of page requests.</summary>
/// <param name="StreamId">The device.</param>
/// <param name="SubstreamId">The substream, or null.</param>
/// <param name="Group">PRGIndex.</param>
/// <param name="Code">As on PCIe: 0 success, 1 invalid request, 15 failure.</param>
public readonly record struct Smmu3PageResponse(uint StreamId, uint? SubstreamId, int Group, int Code)
{
    /// <summary>The pages may be asked for again.</summary>
    public const int Success = 0;

    /// <summary>One of them cannot be had.</summary>
    public const int InvalidRequest = 1;

    /// <summary>Page requests are not served.</summary>
    public const int Failure = 15;
}
