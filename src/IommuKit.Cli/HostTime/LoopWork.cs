namespace IommuKit.Cli.HostTime;

/// <summary>Something to measure that leaves everything as it was.</summary>
internal abstract class LoopWork
{
    /// <summary>Does it <paramref name="count"/> times. Throws if it went wrong.</summary>
    public abstract void Run(int count);
}
