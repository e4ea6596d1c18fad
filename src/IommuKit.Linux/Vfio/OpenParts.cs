namespace IommuKit.Linux.Vfio;

/// <summary>What is open of something: each part leaves when it is closed by itself, and all go with the whole. Thread-safe.</summary>
internal sealed class OpenParts
{
    private readonly HashSet<IDisposable> _parts = new(ReferenceEqualityComparer.Instance);
    private bool _isClosed;

    /// <summary>How many are open.</summary>
    public int Count
    {
        get
        {
            lock (_parts)
            {
                return _parts.Count;
            }
        }
    }

    /// <summary>Adds a part, which calls <see cref="Remove"/> when it is closed.</summary>
    /// <returns>False if all is closed: the part is not kept.</returns>
    public bool TryAdd(IDisposable part)
    {
        lock (_parts)
        {
            return !_isClosed && _parts.Add(part);
        }
    }

    /// <summary>A part was closed by itself.</summary>
    public void Remove(IDisposable part)
    {
        lock (_parts)
        {
            _parts.Remove(part);
        }
    }

    /// <summary>Closes all parts, and lets no more come.</summary>
    public void Close()
    {
        IDisposable[] parts;
        lock (_parts)
        {
            _isClosed = true;
            parts = [.. _parts];
        }

        // Outside of the lock: a part that ends a thread waits for it.
        foreach (var part in parts)
        {
            part.Dispose();
        }
    }
}
