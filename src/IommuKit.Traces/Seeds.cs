namespace IommuKit.Traces;

/// <summary>Seeds that who wrote a file cannot guess, so that no file is slow on purpose.</summary>
/// <remarks>From the system, as of <see cref="Guid"/>: the runtime's cryptography takes OpenSSL on Linux, and ends the process where there is none.</remarks>
internal static class Seeds
{
    /// <summary>A seed; never 0.</summary>
    public static ulong Next()
    {
        Span<byte> random = stackalloc byte[16];
        Guid.NewGuid().TryWriteBytes(random);

        // What lies between says what kind of Guid it is.
        return ((ulong)BitConverter.ToUInt32(random) << 32) | BitConverter.ToUInt32(random[12..]) | 1;
    }
}
