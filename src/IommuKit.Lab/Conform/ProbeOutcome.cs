namespace IommuKit.Lab.Conform;

/// <summary>What became of a probe.</summary>
internal enum ProbeOutcome
{
    /// <summary>It came out somewhere.</summary>
    Passed,

    /// <summary>It was stopped.</summary>
    Fault,

    /// <summary>It asked for an interrupt.</summary>
    Interrupt,
}
