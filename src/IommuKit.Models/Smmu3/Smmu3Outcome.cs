namespace IommuKit.Models.Smmu3;

/// <summary>What becomes of a transaction.</summary>
public enum Smmu3Outcome
{
    /// <summary>It is aborted: a bus error; Unsupported Request to a translation request.</summary>
    Abort,

    /// <summary>It ends as if it had been done: reads return zeros, writes are ignored.</summary>
    Ignored,

    /// <summary>It waits until software resumes it: see <see cref="Smmu3Translation.StallTag"/>.</summary>
    Stalled,

    /// <summary>It cannot stall now, as too many do: the device tries again later.</summary>
    Retry,

    /// <summary>Completer Abort: the answer to a translation request that met an error in the configuration.</summary>
    CompleterAbort,

    /// <summary>It goes on. The answer to a translation request, too, which may be told that nothing is allowed.</summary>
    Allowed,
}
