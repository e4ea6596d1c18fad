namespace IommuKit.Traces.Faults;

/// <summary>What drivers in Linux print where hardware refuses a command of its queue, or does not answer one in time. What AMD's hardware records of
/// its commands itself is decoded with the other records.</summary>
internal static class FlushFailureMessages
{
    // Each with its driver in front, which must stand somewhere before it.
    private static readonly (string Driver, string Text)[] All =
    [
        ("DMAR: ", "VT-d detected Invalidation Queue Error"),
        ("DMAR: ", "VT-d detected Invalidation Time-out Error"),
        ("DMAR: ", "VT-d detected Invalidation Completion Error"),
        ("AMD-Vi: ", "Completion-Wait loop timed out"),
        ("AMD-Vi: ", "Command buffer timeout"),
        ("arm-smmu-v3 ", "CMD_SYNC timeout"),
        ("arm-smmu-v3 ", "CMDQ timeout"),
        ("arm-smmu-v3 ", "CMDQ error"),
        ("arm-smmu ", "TLB sync timed out"),
        ("riscv", "command execution timeout"),
        ("riscv", "Hardware error: command"),
    ];

    /// <summary>The message in a line, from its driver on; null if there is none.</summary>
    public static string? Find(string line)
    {
        foreach (var (driver, text) in All)
        {
            int at = line.IndexOf(text, StringComparison.Ordinal);
            if (at > 0 && line.LastIndexOf(driver, at, StringComparison.Ordinal) is >= 0 and var start)
            {
                return line[start..].TrimEnd();
            }
        }

        return null;
    }
}
