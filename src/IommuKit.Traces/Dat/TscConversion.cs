namespace IommuKit.Traces.Dat;

/// <summary>
/// How a processor's time-stamp counter is converted to nanoseconds (option TSC2NSEC). The option has an offset too, which only says what time is
/// called 0: nothing here depends on that.
/// </summary>
/// <param name="Multiplier">Nanoseconds for a tick, times two to the power of <paramref name="Shift"/>.</param>
/// <param name="Shift">See there; 0 to 63.</param>
internal readonly record struct TscConversion(uint Multiplier, int Shift)
{
    /// <summary>Converts a count.</summary>
    public ulong Nanoseconds(ulong count) => (ulong)(((UInt128)count * Multiplier) >> Shift);
}
